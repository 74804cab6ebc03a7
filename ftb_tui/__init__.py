"""FineTuneBench in the terminal: does fine-tuning this model put my facts into it?"""

__version__ = "0.1.0"
