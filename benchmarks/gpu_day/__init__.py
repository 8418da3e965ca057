"""What does half an hour on a GPU bring, with nobody at hand?"""
