"""LSTM, Transformer, windows, scaler and the one training loop. The only room with torch."""
