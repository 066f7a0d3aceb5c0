// Linear depth along the optical axis; also fills the shadow map and the early-z buffer.
#version 430
in vec3 world_position;
in vec3 local_position;
in vec3 local_normal;
in vec2 mesh_uv;
flat in float mesh_layer;
flat in vec4 mesh_relief;
flat in float instance_seed;

uniform vec3 eye;
uniform vec3 forward;

out float depth;

#include "noise.glsl"
#include "holes.glsl"

void main() {
  if (is_hole()) discard;
  depth = dot(world_position - eye, forward);
}
