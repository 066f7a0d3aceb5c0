// Linear depth along the optical axis; also fills the shadow map and the early-z buffer.
#version 430
#include "place.glsl"

centroid in vec3 world_position;
PLACE in vec3 local_position;
PLACE in vec3 local_normal;
PLACE in vec2 mesh_uv;
flat in float mesh_layer;
flat in vec4 mesh_relief;
flat in float instance_seed;

#include "frame.glsl"

out float depth;

#ifdef WITH_HOLES
#include "noise.glsl"
#include "mapping.glsl"
#include "holes.glsl"
#endif

void main() {
#ifdef WITH_HOLES
  if (is_hole()) discard;
#endif
  depth = dot(world_position - eye.xyz, forward.xyz);
}
