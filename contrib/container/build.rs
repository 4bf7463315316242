//! The image's program says in which places it must be relocated in a tenth of the room. Its libc (2.36 or
//! newer) is in the image with it; that of whoever tests this may be older.

#[expect(
    clippy::disallowed_methods,
    reason = "this is how Cargo says what it builds"
)]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
