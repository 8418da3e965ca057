"""How do the fast paths compare with the plain ones, as ratios within one process, so that noise cancels?"""
