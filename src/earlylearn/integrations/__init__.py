"""How does the loss come into the loops of other libraries: transformers, Lightning, scikit-learn?"""
