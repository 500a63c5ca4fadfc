"""Annotated objects, one file for each kind of them; `kinds.KINDS` names all."""
