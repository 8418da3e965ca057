"""How are labels made wrong on request?"""
