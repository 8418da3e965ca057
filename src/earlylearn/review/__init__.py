"""How do people check the labels that a run doubts, and what follows from what they decide?"""
