"""What does this machine have, and what would a run take?"""
