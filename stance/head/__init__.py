"""A classifier on top of the zero-shot model, learned from a few coded quotes.

For each frame a multinomial logistic regression on the hypotheses' log-odds and the encoder's embedding of the quote;
its strength of regularisation is chosen and its probabilities are calibrated (temperature: Guo et al. 2017, ICML) on
predictions for speakers that it was not fitted on. It is used only where those predictions tell the codes apart better
than the zero-shot scores do. Files are JSON: no code is run on loading, and they fit one model and one codebook only.
"""

import lazy_loader

# Each name is loaded when it is first used: only learning needs scikit-learn.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
