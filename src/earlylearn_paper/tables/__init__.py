"""How is each table of the paper made again?"""
