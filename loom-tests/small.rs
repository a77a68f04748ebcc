//! Small programs whose outcomes under C11 are known from the literature, and loom's known differences, pinned.
