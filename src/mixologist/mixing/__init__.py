"""Which example is drawn when, and which adapter it feeds: pure functions of (recipe, seed, step, state)."""
