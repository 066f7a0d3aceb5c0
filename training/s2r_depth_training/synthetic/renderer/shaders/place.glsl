// Where in a pixel a surface's pattern and holes are looked at: its middle, or each sample. Light and
// fog are those of the centroid, because the middle may lie beside the triangle, behind the horizon.
#ifndef PLACE
#define PLACE
#endif
