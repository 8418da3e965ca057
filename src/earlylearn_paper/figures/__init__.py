"""How is each figure of the paper made again?"""
