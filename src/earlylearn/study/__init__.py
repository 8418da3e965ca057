"""How are many runs done, several at a time and none twice, and what do they say together?"""
