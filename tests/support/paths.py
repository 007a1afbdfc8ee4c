"""Where the tests find the checkout and their own layouts."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYOUTS = Path(__file__).parent / "layouts"
