// Value noise without sin(), so that every driver gives the same picture.
float hash2(vec2 p) {
  p = fract(p * vec2(123.34, 345.45));
  p += dot(p, p + 34.345);
  return fract(p.x * p.y);
}

float hash3(vec3 p) {
  p = fract(p * 0.1031);
  p += dot(p, p.zyx + 31.32);
  return fract((p.x + p.y) * p.z);
}

float noise3(vec3 x) {
  vec3 i = floor(x), f = fract(x);
  f = f * f * (3.0 - 2.0 * f);
  return mix(mix(mix(hash3(i), hash3(i + vec3(1, 0, 0)), f.x),
                 mix(hash3(i + vec3(0, 1, 0)), hash3(i + vec3(1, 1, 0)), f.x), f.y),
             mix(mix(hash3(i + vec3(0, 0, 1)), hash3(i + vec3(1, 0, 1)), f.x),
                 mix(hash3(i + vec3(0, 1, 1)), hash3(i + vec3(1, 1, 1)), f.x), f.y), f.z);
}

float noise2(vec2 x) {
  vec2 i = floor(x), f = fract(x);
  f = f * f * (3.0 - 2.0 * f);
  return mix(mix(hash2(i), hash2(i + vec2(1, 0)), f.x),
             mix(hash2(i + vec2(0, 1)), hash2(i + vec2(1, 1)), f.x), f.y);
}

// Four octaves in [0, 1].
float fractal3(vec3 x) {
  return 0.5 * noise3(x) + 0.27 * noise3(x * 2.03 + 1.7) + 0.15 * noise3(x * 4.1 + 5.2)
       + 0.08 * noise3(x * 8.3 + 9.1);
}

float fractal2(vec2 x) {
  float sum = 0.0, weight = 0.5;
  for (int i = 0; i < 5; i++) {
    sum += weight * noise2(x);
    x = x * 2.03 + 3.1;
    weight *= 0.5;
  }
  return sum;
}

// Distances to the nearest and second nearest of one random point per cell.
vec2 cells(vec2 x) {
  vec2 cell = floor(x), nearest = vec2(9.0);
  for (int a = -1; a <= 1; a++)
    for (int b = -1; b <= 1; b++) {
      vec2 c = cell + vec2(a, b);
      float d = length(c + vec2(hash2(c), hash2(c + 17.3)) - x);
      if (d < nearest.x) { nearest.y = nearest.x; nearest.x = d; }
      else nearest.y = min(nearest.y, d);
    }
  return nearest;
}
