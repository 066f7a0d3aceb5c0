// Places one vertex of an instanced mesh; shared by the shadow, depth and colour passes.
#version 430
invariant gl_Position;

in vec3 position;
in vec3 normal;
in vec2 uv;
in float layer;      // texture array layer, -1 for none
in vec4 row0, row1, row2;  // mesh to world, 3x4
in vec4 relief;      // displacement, hole kind, hole amount, holes per metre
in float material;

#include "frame.glsl"
#include "place.glsl"

centroid out vec3 world_position;
centroid out vec3 world_normal;
PLACE out vec3 local_position;   // metres, in the mesh's own axes
PLACE out vec3 local_normal;
PLACE out vec2 mesh_uv;
flat out float mesh_layer;
flat out vec4 mesh_relief;
flat out int material_index;
flat out float instance_seed;

// A few sine waves: cheap, smooth, different for every instance.
float lumps(vec3 p, float seed) {
  return sin(dot(p, vec3(10.2, 7.4, 8.6)) + seed)
       + sin(dot(p, vec3(-9.4, 14.3, 6.7)) + seed * 1.7)
       + 0.7 * sin(dot(p, vec3(18.9, -16.8, 14.7)) + seed * 0.6);
}

void main() {
  vec3 axis_x = vec3(row0.x, row1.x, row2.x);
  vec3 axis_y = vec3(row0.y, row1.y, row2.y);
  vec3 axis_z = vec3(row0.z, row1.z, row2.z);
  // A seed from the place only: the same geometry stays the same under any style.
  instance_seed = dot(vec3(row0.w, row1.w, row2.w), vec3(1.93, 2.71, 0.83));
  vec3 p = position;
  if (relief.x > 0.0) p += normal * lumps(position, instance_seed) * relief.x * 0.33;
  world_position = vec3(dot(row0, vec4(p, 1)), dot(row1, vec4(p, 1)), dot(row2, vec4(p, 1)));
  world_normal = cross(axis_y, axis_z) * normal.x + cross(axis_z, axis_x) * normal.y
               + cross(axis_x, axis_y) * normal.z;
  local_position = p * vec3(length(axis_x), length(axis_y), length(axis_z));
  local_normal = normal;
  mesh_uv = uv;
  mesh_layer = layer;
  mesh_relief = relief;
  material_index = int(material + 0.5);
  gl_Position = clip_from_world * vec4(world_position, 1);
}
