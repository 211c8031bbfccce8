"""One file a tab: `build()` makes its components, `wire()` attaches its listeners."""
