"""How does one request become one finished run folder?"""
