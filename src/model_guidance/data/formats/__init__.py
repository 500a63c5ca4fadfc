"""Files of annotations, one file here for each format; `known.FORMATS` names all."""
