//! The fuzzer: feeds the target that the environment variable `AGON_FUZZ_TARGET` names.

#![no_main]

use std::{env, sync::LazyLock};

static TARGET: LazyLock<agon_fuzz::Target> = LazyLock::new(|| {
    let wanted = env::var("AGON_FUZZ_TARGET").unwrap_or_default();
    let names: Vec<&str> = agon_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    let target = agon_fuzz::TARGETS.iter().find(|(name, _)| *name == wanted);
    target.unwrap_or_else(|| panic!("AGON_FUZZ_TARGET=`{wanted}` names no target; there are: {}", names.join(", "))).1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _is_accepted = TARGET(data);
});
