"""Option prices: closed forms, Fourier series, smiles and exotic payoffs.

Time is in 365-day years, rates and yields are continuous and per year, volatilities are per square root of a year.
Prices are in units of the spot; sim.pricing.inverse turns them into coins.
"""
