"""Which parts of the paper's theory (section 3, supplement A) can be checked on a computer, and do they hold?"""
