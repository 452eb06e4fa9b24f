//! Pixels at known places.

#![allow(clippy::unwrap_used, reason = "tests")]
use bevy::math::Vec2;

use super::*;
use crate::picture::{Colour, Form, Glyph, Layer, Length, Mark, Rgb, Stroke, Token};
