"""How do all pictures look alike?"""
