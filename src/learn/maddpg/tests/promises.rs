//! A run repeats, it can be saved, and what cannot be trained is refused.

use super::*;
