"""Where do examples and labels come from, and how do they reach a method?"""
