// From a point of a surface to its texture.
layout(binding = 0) uniform sampler2DArray mesh_textures;

vec2 planar(vec3 p, vec3 n) {
  vec3 a = abs(n);
  if (a.z >= a.x && a.z >= a.y) return p.xy;
  return a.x > a.y ? p.yz : p.xz;
}
