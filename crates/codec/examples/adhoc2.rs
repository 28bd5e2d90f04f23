//! Ad-hoc check.
#![allow(clippy::all, clippy::print_stdout, missing_docs)]
use bytes::Bytes;
use std::io::Write;
use streeling_codec::json::*;
use streeling_core::*;
fn main() {
    let mut x = 88172645463325252u64;
    let mut next = || { x ^= x << 13; x ^= x >> 7; x ^= x << 17; x };
    let mut v: Vec<f64> = Vec::new();
    while v.len() < 1_000_000 { let f = f64::from_bits(next()); if f.is_finite() { v.push(f); } }
    for _ in 0..500_000 { v.push((next() >> 11) as f64 / (1u64 << 53) as f64); }
    for _ in 0..500_000 { v.push(((next() >> 11) as f64 / (1u64 << 53) as f64 - 0.5) * 10f64.powi((next() % 24) as i32 - 8)); }
    for _ in 0..500_000 { v.push((next() % 10_000_000_000) as f64 / 10f64.powi((next() % 12) as i32)); }
    for _ in 0..300_000 { v.push(f32::from_bits((next() >> 32) as u32) as f64); }
    v.retain(|f| f.is_finite());
    let mut bits = std::io::BufWriter::new(std::fs::File::create("/tmp/codec_bits.bin").unwrap());
    for f in &v { bits.write_all(&f.to_le_bytes()).unwrap(); }
    let t = Tensor::from_vec(vec![v.len()], v.clone()).unwrap();
    let m = Message { payload: Payload::Data(Data { names: vec![], form: Form::NdArray, array: Array::Typed(t) }), ..Default::default() };
    let mut out = Vec::new();
    encode_message(&m, &mut out);
    std::fs::write("/tmp/codec_floats.json", &out).unwrap();
    let back = decode_message(&Bytes::from(out)).unwrap();
    let Payload::Data(d) = back.payload else { panic!() };
    let Array::Typed(t) = d.array else { panic!() };
    let b = t.to_vec::<f64>().unwrap();
    let bad = b.iter().zip(&v).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
    println!("round trip {} floats, {} differ", v.len(), bad);
    // literals with extra digits, against std
    let mut bad = 0;
    let n = 8_000_000;
    for _ in 0..n {
        let digits = next() % 19 + 1;
        let m = next() % 10u64.pow(digits as u32);
        let e = (next() % 45) as i32 - 41;
        let s = format!("{m}e{e}");
        let body = format!("[{s}]");
        let _ = &body;
        let want: f64 = s.parse().unwrap();
        let meta = decode_one(&s);
        if meta.to_bits() != want.to_bits() { bad += 1; if bad < 10 { println!("{s} {meta} {want}"); } }
    }
    println!("{n} literals, {bad} differ");
}
fn decode_one(s: &str) -> f64 {
    let m = decode_message(&Bytes::from(format!("{{\"data\":{{\"ndarray\":[{s}]}}}}"))).unwrap();
    let Payload::Data(d) = m.payload else { panic!() };
    let Array::Typed(t) = d.array else { panic!() };
    t.to_vec::<f64>().unwrap()[0]
}
