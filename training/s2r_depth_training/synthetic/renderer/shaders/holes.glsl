// Where a surface has holes; needs noise.glsl, mapping.glsl and the varyings of surface.vert.
bool is_hole() {
  if (mesh_relief.y == HOLES_LEAVES) {
    vec3 p = local_position * mesh_relief.w + instance_seed;
    return noise3(p) < mesh_relief.z * 0.55;
  }
  if (mesh_relief.y == HOLES_GRID) {
    vec2 wire = abs(fract(planar(local_position, local_normal) * mesh_relief.w) - 0.5);
    return min(wire.x, wire.y) > mesh_relief.z;
  }
  return mesh_layer >= 0.0 && texture(mesh_textures, vec3(mesh_uv, mesh_layer)).a < 0.5;
}
