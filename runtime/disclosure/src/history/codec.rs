//! Figures as bytes, for the archive that an agency keeps inside.
//!
//! # Guarantees
//! Canonical: one figure has one encoding, and whatever isn't exactly that is refused.
//!
//! # Does not guarantee
//! Secrecy: the bytes are data, and whoever keeps them encrypts them.

use super::figure::{Figure, Kind, Place, Standing, within_bounds};
use super::outline::Outline;
use super::sketch::{Garbage, ROWS, SKETCH_BYTES, Sketch};
use super::top::{NAMED, Named, Span, Top};

const VERSION: u8 = 1;
/// Longest public word of a place, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;

impl Figure {
    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for text in [&self.place.release, &self.place.cell, &self.place.quantity, &self.place.snapshot] {
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        let (kind, bounds) = match self.kind {
            Kind::Subjects => (0, None),
            Kind::Records => (1, None),
            Kind::Sum(None) => (2, None),
            Kind::Sum(Some(bounds)) => (3, Some(bounds)),
        };
        bytes.push(kind);
        if let Some((lower, upper)) = bounds {
            bytes.extend([lower, upper].iter().flat_map(|bound| bound.to_be_bytes()));
        }
        bytes.push(u8::from(self.standing == Standing::Protected));
        bytes.extend(self.subjects.to_be_bytes());
        bytes.extend(self.scheme.to_be_bytes());
        bytes.extend(self.sketch.to_bytes());
        self.outlines.iter().for_each(|outline| write_outline(outline, &mut bytes));
        bytes
    }

    /// What [`Figure::to_bytes`] wrote.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Figure, Garbage> {
        let mut read = Reader(bytes);
        if read.byte()? != VERSION {
            return Err(Garbage);
        }
        let place = Place { release: read.text()?, cell: read.text()?, quantity: read.text()?, snapshot: read.text()? };
        let kind = match read.byte()? {
            0 => Kind::Subjects,
            1 => Kind::Records,
            2 => Kind::Sum(None),
            3 => Kind::Sum(Some((read.i128()?, read.i128()?))),
            _ => return Err(Garbage),
        };
        let standing = if read.flag()? { Standing::Protected } else { Standing::Released };
        let (subjects, scheme) = (read.u64()?, read.u64()?);
        let sketch = Sketch::from_bytes(read.take(SKETCH_BYTES)?)?;
        let count = if matches!(kind, Kind::Sum(Some(_))) { 3 } else { 1 };
        let outlines = (0..count).map(|_| read_outline(&mut read)).collect::<Result<Vec<_>, _>>()?;
        let within_bounds = within_bounds(&outlines);
        let figure = Figure { place, kind, standing, subjects, scheme, sketch, outlines, within_bounds };
        if read.0.is_empty() && figure.to_bytes() == bytes { Ok(figure) } else { Err(Garbage) }
    }
}

fn write_outline(outline: &Outline, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(outline.rows.is_some()));
    bytes.extend(outline.rows.iter().flatten().flat_map(|row| row.to_be_bytes()));
    write_top(&outline.subjects, bytes);
    bytes.push(u8::from(outline.groups.is_some()));
    outline.groups.iter().for_each(|top| write_top(top, bytes));
}

fn write_top(top: &Top, bytes: &mut Vec<u8>) {
    bytes.push(top.named.len() as u8);
    for named in &top.named {
        bytes.extend(named.unit.to_be_bytes());
        bytes.extend(named.span.low.to_be_bytes());
        bytes.extend(named.span.high.to_be_bytes());
    }
    bytes.extend(top.others.low.to_be_bytes());
    bytes.extend(top.others.high.to_be_bytes());
}

fn read_outline(read: &mut Reader<'_>) -> Result<Outline, Garbage> {
    let mut rows = read.flag()?.then_some([0; ROWS]);
    for row in rows.iter_mut().flatten() {
        *row = read.i64()?;
    }
    let subjects = read_top(read)?;
    let groups = if read.flag()? { Some(read_top(read)?) } else { None };
    Ok(Outline::assembled(rows, subjects, groups))
}

fn read_top(read: &mut Reader<'_>) -> Result<Top, Garbage> {
    let count = usize::from(read.byte()?);
    if count > NAMED {
        return Err(Garbage);
    }
    let named =
        (0..count).map(|_| Ok(Named { unit: read.u64()?, span: read_span(read)? })).collect::<Result<Vec<_>, _>>()?;
    let top = Top { named, others: read_span(read)? };
    if top.is_sound() { Ok(top) } else { Err(Garbage) }
}

fn read_span(read: &mut Reader<'_>) -> Result<Span, Garbage> {
    Ok(Span { low: read.i128()?, high: read.i128()? })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Garbage> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Garbage)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Garbage> {
        self.take(N)?.try_into().map_err(|_| Garbage)
    }

    fn byte(&mut self) -> Result<u8, Garbage> {
        self.array().map(u8::from_be_bytes)
    }

    fn flag(&mut self) -> Result<bool, Garbage> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Garbage),
        }
    }

    fn u64(&mut self) -> Result<u64, Garbage> {
        self.array().map(u64::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, Garbage> {
        self.array().map(i64::from_be_bytes)
    }

    fn i128(&mut self) -> Result<i128, Garbage> {
        self.array().map(i128::from_be_bytes)
    }

    fn text(&mut self) -> Result<String, Garbage> {
        let length = u32::from_be_bytes(self.array()?) as usize;
        if length > TEXT_BYTES_MAX {
            return Err(Garbage);
        }
        String::from_utf8(self.take(length)?.to_vec()).map_err(|_| Garbage)
    }
}

#[cfg(test)]
mod tests {
    use super::super::contributions::Contributions;
    use super::super::keys::{Domain, Keys};
    use super::*;

    fn figures() -> Vec<Figure> {
        let place = Place {
            release: "R-1".to_owned(),
            cell: "flights/carrier=AA".to_owned(),
            quantity: "sum:delay".to_owned(),
            snapshot: "2024-01".to_owned(),
        };
        let values = Contributions::of((0..60).map(|subject| (subject, i128::from(subject % 17) - 4)));
        let mut figures = Vec::new();
        for domain in [Domain::ungrouped(60), Domain::grouped((0..60).map(|subject| subject / 7).collect())] {
            let keys = Keys::new(&[4; 32], domain, 0);
            for kind in [Kind::Subjects, Kind::Records, Kind::Sum(None), Kind::Sum(Some((-4, 12)))] {
                for standing in [Standing::Released, Standing::Protected] {
                    figures.push(Figure::new(&keys, place.clone(), (kind, standing), &values).expect("they are there"));
                }
            }
        }
        figures
    }

    #[test]
    fn what_is_written_is_read() {
        for figure in figures() {
            assert!(Figure::from_bytes(&figure.to_bytes()) == Ok(figure));
        }
    }

    #[test]
    fn garbage_is_refused() {
        for figure in figures() {
            let bytes = figure.to_bytes();
            assert!((0..bytes.len()).step_by(61).all(|length| Figure::from_bytes(&bytes[..length]).is_err()));
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(Figure::from_bytes(&longer).is_err());
            let mut version = bytes.clone();
            version[0] = 9;
            assert!(Figure::from_bytes(&version).is_err());
            for place in (0..bytes.len()).step_by(41) {
                let mut wrong = bytes.clone();
                wrong[place] ^= 0x80;
                // Whatever is still read is another figure with one encoding, never this one.
                assert!(
                    Figure::from_bytes(&wrong).is_ok_and(|other| other != figure && other.to_bytes() == wrong)
                        || Figure::from_bytes(&wrong).is_err()
                );
            }
        }
    }
}
