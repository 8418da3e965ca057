"""How do the fast paths compare with the plain ones? Ratios measured within one process, so that noise cancels."""
