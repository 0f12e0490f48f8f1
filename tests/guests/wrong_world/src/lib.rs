//! A component of another world: nothing that Sluice asks for is exported.
#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({
    inline: "
        package other:thing@0.1.0;
        world other { export hello: func() -> u32; }
    ",
});

struct Hello;

impl Guest for Hello {
    fn hello() -> u32 {
        42
    }
}

export!(Hello);
