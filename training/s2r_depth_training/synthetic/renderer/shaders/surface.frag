// Compiled once for each pattern (PATTERN) and with or without WITH_BUMP: llvmpipe runs all
// branches of a shader, so one for all materials would be several times slower.
// Shading: material, one shadowed light, further lights, hemisphere light, fog.
#version 430
#include "place.glsl"

centroid in vec3 world_position;
centroid in vec3 world_normal;
PLACE in vec3 local_position;
PLACE in vec3 local_normal;
PLACE in vec2 mesh_uv;
flat in float mesh_layer;
flat in int material_index;
flat in float instance_seed;

layout(binding = 1) uniform sampler2D materials;  // 4 texels a row, see programs.pack_materials
layout(binding = 2) uniform sampler2DShadow shadow_map;

out vec4 colour;

#include "frame.glsl"
#include "noise.glsl"
#include "mapping.glsl"
#include "materials.glsl"

Surface read_surface() {
  vec4 a = texelFetch(materials, ivec2(0, material_index), 0);
  vec4 b = texelFetch(materials, ivec2(1, material_index), 0);
  vec4 c = texelFetch(materials, ivec2(2, material_index), 0);
  vec4 d = texelFetch(materials, ivec2(3, material_index), 0);
  return Surface(a.y, a.z, a.w, b.rgb, c.rgb, b.w, c.w, d.x, d.yz);
}

float lit_fraction(float facing) {
  vec4 clip = shadow_from_world * vec4(world_position, 1);
  vec3 p = clip.xyz / clip.w * 0.5 + 0.5;
  if (clip.w <= 0.0 || any(lessThan(p, vec3(0))) || any(greaterThan(p, vec3(1)))) return 1.0;
  float bias = (light_position[0].w < 0.5 ? 0.0006 : 0.001) * (1.0 + 2.0 * (1.0 - facing));
  float turn = hash2(gl_FragCoord.xy) * 6.28, sum = 0.0;
  for (int i = 0; i < 6; i++) {
    float angle = turn + float(i) * 2.4;
    vec2 offset = vec2(cos(angle), sin(angle)) * sqrt((float(i) + 0.5) / 6.0) * lighting.y;
    sum += texture(shadow_map, vec3(p.xy + offset, p.z - bias));
  }
  return sum / 6.0;
}

void main() {
  Surface s = read_surface();
  vec2 w = planar(local_position, local_normal) * s.scale + s.seed * 3.1;
  vec3 p = local_position * s.scale + s.seed * 7.13 + fract(instance_seed * 0.37) * 9.0;
  float blur = length(fwidth(w)) + 1e-5;
#ifdef MULTISAMPLED
  blur *= 0.7;  // between sharp at one sample a pixel and what four samples, half as far apart, show
#endif
#if PATTERN == PATTERN_POSTER || PATTERN == PATTERN_SCREEN
  w = planar(local_position, local_normal) * s.scale + 0.5;  // in the middle of the face
#endif
  vec3 albedo = max(diffuse_colour(s, w, p, blur), 0.0);

  vec3 view = normalize(eye.xyz - world_position);
  // meshes made elsewhere may have vertices without a normal
  vec3 n = dot(world_normal, world_normal) > 1e-16 ? normalize(world_normal) : view;
  if (dot(n, view) < 0.0) n = -n;
#ifdef WITH_BUMP
  vec3 wobble = vec3(noise3(p * 6.0), noise3(p * 6.0 + 9.0), noise3(p * 6.0 + 19.0)) - 0.5;
  n = normalize(n + s.bump * 0.8 * wobble * clamp(1.2 - blur * 4.0, 0.0, 1.0));
#endif

  vec3 diffuse = mix(ambient_down.rgb, ambient_up.rgb, 0.5 + 0.5 * n.z), shine = vec3(0);
  float power = 8.0 + 80.0 * s.gloss;
  for (int i = 0; i < int(lighting.x); i++) {
    vec3 to_light = -light_direction[i].xyz;
    float strength = 1.0;
    if (light_position[i].w > 0.5) {
      to_light = light_position[i].xyz - world_position;
      float square = dot(to_light, to_light);
      to_light *= inversesqrt(square + 1e-6);
      strength = 1.0 / (0.3 + square);
      float aim = dot(-to_light, light_direction[i].xyz);
      if (light_direction[i].w > -1.0)
        strength *= smoothstep(light_direction[i].w - 0.15, light_direction[i].w + 0.15, aim);
    }
    float facing = max(dot(n, to_light), 0.0);
    if (i == 0) strength *= lit_fraction(facing);
    diffuse += light_colour[i].rgb * facing * strength;
    float mirror = pow(max(dot(n, normalize(to_light + view)), 0.0), power);
    shine += light_colour[i].rgb * mirror * s.gloss * strength;
  }
  float grazing = pow(1.0 - max(dot(n, view), 0.0), 4.0) * s.gloss * 0.6;
  vec3 light = albedo * diffuse + shine + grazing * horizon.rgb + albedo * s.glow;
  float z = dot(world_position - eye.xyz, forward.xyz);
  light = min(light, vec3(1000.0));  // half floats end at 65504
  colour = vec4(mix(fog.rgb, light, exp(-max(z, 0.0) * fog.w)), 1);
}
