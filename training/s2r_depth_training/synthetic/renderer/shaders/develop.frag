// Row 0 of every target is the top of the picture (see projection.clip_from_camera).
// From several samples of the light to one 8-bit pixel: sky, ambient occlusion, exposure, tone curve.
#version 430
// rgb and, in alpha, whether anything was hit
#ifdef MULTISAMPLED
layout(binding = 0) uniform sampler2DMS light;
#else
layout(binding = 0) uniform sampler2D light;       // supersampled
#endif
layout(binding = 1) uniform sampler2D depth;       // metres, at the final size
uniform int samples;           // of a pixel if MULTISAMPLED, else along one axis
uniform vec2 size;             // final size, px
uniform vec4 intrinsics;       // fx fy cx cy at the final size, pixel centres at integers
uniform mat3 rotation;         // optical frame to world
uniform vec3 sky_zenith, sky_horizon, sky_cloud;
uniform float sky_cover, sky_seed;
uniform vec3 sun_direction, sun_colour;
uniform float occlusion, exposure;

out vec4 pixel;

#include "noise.glsl"

vec3 sky(vec3 direction) {
  float up = max(direction.z, 0.0);
  vec3 c = mix(sky_horizon, sky_zenith, sqrt(up));
  vec2 at = direction.xy / (abs(direction.z) + 0.15) * 1.2 + sky_seed;
  float cloud = smoothstep(1.0 - sky_cover, 1.25 - sky_cover * 0.7, fractal2(at) + 0.15);
  c = mix(c, sky_cloud * (0.7 + 0.5 * fractal2(at * 2.0 + 4.0)), cloud * smoothstep(0.0, 0.15, up));
  return c + sun_colour * pow(max(dot(direction, -sun_direction), 0.0), 200.0);
}

// Share of the half-metre neighbourhood that lies in front of the surface: pairs of opposite
// neighbours, so that a slanted plane does not darken itself.
float occluded(ivec2 at, float z) {
  float radius = clamp(0.35 * intrinsics.x / z, 1.5, 0.12 * size.x);
  float turn = hash2(vec2(at)) * 0.7, sum = 0.0;  // a little dither, no grain
  for (int i = 0; i < 12; i++) {
    float angle = turn + float(i) * 2.4, r = radius * sqrt((float(i) + 0.5) / 12.0);
    ivec2 step_ = ivec2(round(vec2(cos(angle), sin(angle)) * r));
    float a = texelFetch(depth, clamp(at + step_, ivec2(0), ivec2(size) - 1), 0).r;
    float b = texelFetch(depth, clamp(at - step_, ivec2(0), ivec2(size) - 1), 0).r;
    if (a <= 0.0 || b <= 0.0 || abs(a - z) > 1.2 || abs(b - z) > 1.2) continue;
    float rise = z - 0.5 * (a + b);
    sum += clamp(1.4 * rise * intrinsics.x / (z * r), 0.0, 1.0);
  }
  return sum / 12.0;
}

// One sample of the light, exposed. uv: where it lies, px.
vec3 exposed(vec4 hit, vec2 uv, float open) {
  vec3 c = hit.rgb * open;
  if (hit.a < 0.5) {
    vec2 ray = (uv - intrinsics.zw) / intrinsics.xy;
    c = sky(normalize(rotation * vec3(ray, 1)));
  }
  return min(c * exposure, vec3(8));
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  float z = texelFetch(depth, at, 0).r;
  float open = z > 0.0 ? 1.0 - occlusion * clamp(occluded(at, z) * 1.3, 0.0, 0.75) : 1.0;
  vec3 sum = vec3(0);
#ifdef MULTISAMPLED
  for (int i = 0; i < samples; i++) sum += exposed(texelFetch(light, at, i), vec2(at), open);
  vec3 c = sum / float(samples);
#else
  for (int i = 0; i < samples; i++)
    for (int j = 0; j < samples; j++) {
      vec4 hit = texelFetch(light, at * samples + ivec2(i, j), 0);
      vec2 uv = vec2(at) + (vec2(i, j) + 0.5) / float(samples) - 0.5;
      sum += exposed(hit, uv, open);
    }
  vec3 c = sum / float(samples * samples);
#endif
  c = c * (2.51 * c + 0.03) / (c * (2.43 * c + 0.59) + 0.14) * 1.1;  // filmic curve (Narkowicz)
  pixel = vec4(pow(clamp(c, 0.0, 1.0), vec3(1.0 / 2.2)), 1);
}
