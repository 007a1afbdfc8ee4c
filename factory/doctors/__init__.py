"""The checks of `factory doctor`, by what they look at."""
