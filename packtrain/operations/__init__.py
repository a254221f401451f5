"""Operations of the API as calls that `Packtrain` and `AsyncPacktrain` send. Pure.

Named as the clients' methods. Ids and names from a caller stay one part of the path whatever they hold.
"""
