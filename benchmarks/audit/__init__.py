"""Do the defaults find wrong labels, and predict right ones, at least as well as what people would use otherwise?"""
