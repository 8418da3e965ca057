"""How is each built-in data set read from its official files?"""
