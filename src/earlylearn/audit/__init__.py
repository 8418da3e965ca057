"""The audit: from a run to label issues, scores and per-example dynamics."""
