"""What are the early-learning regularized loss and its per-example targets?"""
