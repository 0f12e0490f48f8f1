//! What the API's description says of every route alike.

use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa::openapi::{ObjectBuilder, Type};

use super::asked::IDEMPOTENCY_KEY;
use super::types;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Sluice", description = "A data sandbox: modules go in, vetted aggregates come out."),
    components(schemas(types::Problem, types::JobStateEvent)),
    security(("token" = [])),
)]
struct Description;

/// A description without routes.
pub fn start() -> OpenApi {
    Description::openapi()
}

/// Adds to every operation what all have: a name of its own, problems, and for each POST the idempotency key.
pub fn complete(mut description: OpenApi) -> OpenApi {
    for item in description.paths.paths.values_mut() {
        if let Some(operation) = &mut item.post {
            let key = ParameterBuilder::new()
                .name(IDEMPOTENCY_KEY)
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(
                    "The same key and request get the same answer; a secret or a report is left out of it.",
                ))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()));
            operation.parameters.get_or_insert_default().push(RefOr::T(key.build()));
        }
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            complete_one(operation);
        }
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token's secret.")).build();
    let components = description.components.get_or_insert_with(Default::default);
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    description
}

fn complete_one(operation: &mut Operation) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
    let name = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{tag}_{name}"));
    for (status, text) in [("4XX", "A refusal, in full."), ("5XX", "The node failed, or can't just now.")] {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(text).content("application/problem+json", content).build();
        operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
    }
}
