// Found only where libtorch's own torch/torch.h is not: see .cargo/config.toml.
#error "libtorch is missing. Run scripts/setup.sh --torch once, then build again; agon itself needs none, only its plugin agon-torch."
// Compilers go on after #error and would bury it under thousands of lines; a header that does not exist stops them.
#include "run-scripts-setup.sh--torch-first"
