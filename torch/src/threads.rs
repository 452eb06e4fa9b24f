//! What libtorch's results depend on beside the program: its release, its threads, the CPU and two variables.

use std::{cell::Cell, sync::Once};

/// The release that tch 0.26 builds against; its build refuses others.
const LIBTORCH: &str = "2.13.0";

/// Everything that libtorch's results depend on beside agon itself, in words, for checkpoints: a resumed run repeats an
/// uninterrupted one only under equal settings.
pub(crate) fn settings() -> String {
    use_one();
    let variable = |name: &str| format!("{name} {}", std::env::var(name).unwrap_or_else(|_| "unset".to_owned()));
    [
        format!("libtorch {LIBTORCH}"),
        format!("threads {}", tch::get_num_threads()),
        format!("interop threads {}", tch::get_num_interop_threads()),
        format!("cpu {}", cpu_class()),
        variable("ATEN_CPU_CAPABILITY"),
        variable("MKL_CBWR"),
    ]
    .join(", ")
}

/// Makes libtorch compute on the calling thread alone.
pub(crate) fn use_one() {
    static INTEROP: Once = Once::new();
    thread_local!(static DONE: Cell<bool> = const { Cell::new(false) });
    // libtorch takes this number once per process, the other one per thread.
    INTEROP.call_once(|| tch::set_num_interop_threads(1));
    if !DONE.replace(true) {
        tch::set_num_threads(1);
    }
}

/// The kernels that libtorch picks for this CPU.
fn cpu_class() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if avx2 && avx512 {
            "x86-64 avx512"
        } else if avx2 {
            "x86-64 avx2"
        } else {
            "x86-64"
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH
    }
}
