"""Which labels does a run believe wrong, and how did every example fare in it?"""
