// The procedural materials: the diffuse colour of a surface point. Needs noise.glsl,
// mapping.glsl and the varyings of surface.vert; PATTERN chooses one.
// w: place on the surface in pattern repeats; p: place in space in pattern repeats;
// blur: repeats per pixel, to fade what is finer than a pixel.
struct Surface {
  float scale, seed, amount;
  vec3 colour, second;
  float gloss, bump, glow;
  vec2 extra;
};

// Distance to the nearest grid line of a unit grid.
float grid_line(vec2 w) {
  vec2 f = fract(w);
  return min(min(f.x, 1.0 - f.x), min(f.y, 1.0 - f.y));
}

vec3 tiles(Surface s, vec2 w, vec3 p, float blur) {
  float odd = mod(floor(w.x) + floor(w.y), 2.0);
  vec3 tile = mix(s.colour, mix(s.colour, s.second, odd), s.amount);
  tile *= (0.85 + 0.3 * hash2(floor(w))) * (0.9 + 0.2 * fractal3(p * 3.0));
  return mix(s.second * 0.6, tile, smoothstep(0.015, 0.03 + blur, grid_line(w)));
}

vec3 bricks(Surface s, vec2 w, vec3 p, float blur) {
  vec2 v = w * vec2(1.0, 2.2);
  v.x += 0.5 * mod(floor(v.y), 2.0);
  vec2 f = fract(v);
  float joint = min(min(f.x, 1.0 - f.x), min(f.y, 1.0 - f.y) * 0.5);
  vec3 brick = s.colour * (0.7 + 0.6 * hash2(floor(v))) * (0.85 + 0.3 * fractal3(p * 5.0));
  return mix(s.second, brick, smoothstep(0.03, 0.06 + blur, joint));
}

vec3 planks(Surface s, vec2 w, float blur) {
  vec2 v = w * vec2(0.25, 1.6);
  v.x += hash2(vec2(floor(v.y), s.seed)) * 5.0;
  float board = hash2(floor(v.yx));
  float grain = fractal3(vec3(w.x * 1.5 + board * 30.0, w.y * 18.0, board * 9.0));
  vec2 f = fract(v);
  float gap = min(min(f.y, 1.0 - f.y), min(f.x, 1.0 - f.x) * 5.0);
  float dark = mix(1.0, smoothstep(0.0, 0.03 + blur, gap), 0.3 + 0.7 * s.amount);
  return mix(s.colour, s.second, grain) * (0.8 + 0.4 * board) * dark;
}

// Walls with rows of windows; amount: how much of a cell is window.
vec3 facade(Surface s, vec2 w, vec3 p, float blur) {
  if (abs(local_normal.z) > 0.8) return s.colour * 0.6 * (0.8 + 0.4 * fractal3(p));
  vec2 v = w * vec2(0.45, 0.33), id = floor(v), f = fract(v);
  vec2 margin = vec2(0.32 - 0.22 * fract(s.seed * 3.7), 0.3 - 0.2 * s.amount);
  vec2 inside = min(f - margin, 1.0 - margin * vec2(1.0, 0.7) - f);
  float pane = step(0.0, min(inside.x, inside.y));
  float frame = pane * (1.0 - smoothstep(0.03, 0.05 + blur, min(inside.x, inside.y)));
  frame = max(frame, pane * step(abs(f.x - 0.5), 0.015));
  vec3 wall = s.colour * (0.8 + 0.35 * fractal3(p * 0.6));
  if (fract(s.seed * 9.1) < 0.35) wall = bricks(s, w * vec2(2.0, 3.5), p, blur * 4.0);
  if (fract(s.seed * 5.9) < 0.3) wall *= mix(1.0, 0.82, step(fract(w.y * 0.33), 0.06));
  float lit = hash2(id + s.seed);
  vec3 glass = mix(vec3(0.03, 0.045, 0.06), s.second * 0.6 + 0.1, lit * lit) * (0.5 + 0.9 * f.y);
  if (fract(lit * 7.0) < 0.3) glass = mix(glass, vec3(0.7, 0.66, 0.6), step(0.5, f.y));
  return mix(mix(wall, glass, pane), mix(vec3(0.8), s.second, 0.3), frame);
}

// A picture: overlapping rectangles and discs on a gradient; a shelf of them makes a mess.
vec3 poster(Surface s, vec2 w) {
  vec2 id = floor(w), f = fract(w);
  vec3 c = mix(s.colour, s.second, f.y + 0.3 * noise2(w * 3.0));
  for (int i = 0; i < 7; i++) {
    float k = float(i) * 3.7 + s.seed + dot(id, vec2(7.0, 13.0));
    vec2 middle = vec2(hash2(vec2(k, 1.0)), hash2(vec2(k, 2.0)));
    vec2 size = 0.05 + 0.3 * vec2(hash2(vec2(k, 3.0)), hash2(vec2(k, 4.0)));
    vec2 d = abs(f - middle) / size;
    float inside = hash2(vec2(k, 5.0)) < 0.5 ? step(max(d.x, d.y), 1.0) : step(length(d), 1.0);
    vec3 paint = vec3(hash2(vec2(k, 6.0)), hash2(vec2(k, 7.0)), hash2(vec2(k, 8.0)));
    c = mix(c, mix(paint, s.second, 0.3), inside * s.amount);
  }
  return c * (0.85 + 0.3 * noise2(w * 9.0));
}

// Spines of books or of goods side by side; extra.x: 1 without titles.
vec3 books(Surface s, vec2 w) {
  float x = w.x + 0.35 * sin(w.x * 2.1), id = floor(x), f = fract(x);
  vec3 c = vec3(hash2(vec2(id, 1.0)), hash2(vec2(id, 2.0)), hash2(vec2(id, 3.0)));
  c = mix(c * c, mix(s.colour, s.second, hash2(vec2(id, 4.0))), 0.5);
  c *= smoothstep(0.0, 0.12, min(f, 1.0 - f));
  if (s.extra.x < 0.5 && fract(w.y * 0.3 + hash2(vec2(id, 5.0))) < 0.2) c = mix(c, vec3(0.8), 0.5);
  return c;
}

// Asphalt with lane lines from the road's own uv in metres (across, along).
// extra: half width of the road (m), number of lanes; amount: wear of the paint.
vec3 road(Surface s, vec3 p, float blur) {
  vec2 uv = mesh_uv;
  float speck = noise3(p * 40.0) * clamp(1.0 - blur * 20.0, 0.0, 1.0);
  vec3 c = s.colour * (0.75 + 0.35 * fractal3(p * 0.5) + 0.25 * speck);
  float crack = cells(uv * 0.35 + noise2(uv * 2.0) * 0.3).y - cells(uv * 0.35).x;
  if (fract(s.seed * 3.1) < 0.4) c *= mix(0.7, 1.0, smoothstep(0.0, 0.06, crack));
  float lane = 2.0 * s.extra.x / max(s.extra.y, 1.0);
  float across = uv.x + s.extra.x, line = abs(fract(across / lane + 0.5) - 0.5) * lane;
  float index = floor(across / lane + 0.5);
  bool is_edge = index < 0.5 || index > s.extra.y - 0.5;
  if (is_edge) line = abs(s.extra.x - abs(uv.x) - 0.3);
  float dash = is_edge ? step(0.4, fract(s.seed * 1.7)) : step(fract(uv.y / 9.0 + s.seed), 0.4);
  float paint = (1.0 - smoothstep(0.06, 0.08 + blur, line)) * dash;
  paint *= smoothstep(s.amount * 0.6, s.amount * 0.6 + 0.2, noise3(p * 3.0) + 0.15);
  return mix(c, s.second, paint * step(0.5, s.extra.y));
}

// Lines of text, windows and blocks, as on a monitor.
vec3 screen(Surface s, vec2 w) {
  vec2 line = vec2(floor(w.x * 30.0), floor(w.y * 16.0));
  float indent = hash2(vec2(line.y, s.seed)) * 8.0, length_ = 6.0 + 20.0 * hash2(vec2(line.y, 3.0));
  float ink = step(indent, line.x) * step(line.x, length_) * step(0.3, hash2(line + s.seed));
  ink *= step(0.35, fract(w.y * 16.0));
  vec3 c = mix(s.colour, s.second, ink * 0.8);
  return mix(c, poster(s, w), step(0.5, noise2(w * 1.7 + s.seed)) * s.amount);
}

// The mesh's own texture, tinted by amount.
vec3 textured(Surface s) {
  if (mesh_layer < 0.0) return s.colour;
  vec3 t = pow(texture(mesh_textures, vec3(mesh_uv, mesh_layer)).rgb, vec3(2.2));
  return mix(t, mix(s.colour, s.second, dot(t, vec3(0.33))) * 1.2, s.amount);
}

vec3 stripes(Surface s, vec2 w, vec3 p, float blur) {
  float t = abs(fract(s.amount > 0.5 ? w.x : w.y) - 0.5) * 2.0;
  t = smoothstep(0.5 - blur, 0.52 + blur, t);
  return mix(s.colour, s.second, t) * (0.92 + 0.16 * fractal3(p * 2.0));
}

vec3 dots(Surface s, vec2 w, float blur) {
  float radius = 0.15 + 0.2 * hash2(floor(w));
  float t = smoothstep(radius, radius + 0.05 + blur, length(fract(w) - 0.5));
  return mix(s.second, s.colour, t);
}

vec3 foliage(Surface s, vec3 p, float blur) {
  float leaf = mix(0.5, noise3(p * 14.0), clamp(1.3 - blur * 8.0, 0.0, 1.0));
  return mix(s.colour, s.second, fractal3(p * 3.0)) * (0.5 + leaf);
}

vec3 cobbles(Surface s, vec2 w, float blur) {
  vec2 d = cells(w);
  float joint = smoothstep(0.02, 0.12 + blur, d.y - d.x);
  return mix(s.colour, s.second, smoothstep(0.0, 0.8, d.x)) * (0.6 + 0.5 * joint);
}

vec3 marble(Surface s, vec3 p) {
  float vein = 0.5 + 0.5 * sin(p.x * 1.3 + p.y * 0.4 + 6.0 * fractal3(p));
  return mix(s.colour, s.second, vein * vein * vein);
}

vec3 panels(Surface s, vec2 w, vec3 p, float blur) {
  vec2 f = abs(fract(w) - 0.5);
  float edge = smoothstep(0.47 - blur, 0.49, max(f.x, f.y));
  return mix(s.colour * (0.9 + 0.2 * fractal3(p)), s.second, edge);
}

// Gravel, grass, carpet: fine noise over patches.
vec3 grain(Surface s, vec3 p, float blur) {
  float fine = mix(0.5, noise3(p * 9.0), clamp(1.2 - blur * 5.0, 0.0, 1.0));
  float patch_ = smoothstep(0.25, 0.75, fractal3(p * 0.35));
  return mix(s.colour, s.second, patch_) * (0.55 + 0.9 * fine);
}

vec3 weave(Surface s, vec2 w, vec3 p, float blur) {
  float thread = sin(w.x * 40.0) * sin(w.y * 40.0) * clamp(1.0 - blur * 10.0, 0.0, 1.0);
  float faded = 0.5 * smoothstep(0.35, 0.65, fractal3(p * 0.8));
  return mix(s.colour, s.second, faded) * (0.9 + 0.2 * thread);
}

vec3 corrugated(Surface s, vec2 w, vec3 p, float blur) {
  float wave = 0.5 + 0.5 * sin((s.amount > 0.5 ? w.x : w.y) * 6.2832);
  float rust = smoothstep(0.55, 0.75, fractal3(p * 0.3));
  wave = mix(wave, 0.5, clamp(blur * 2.0, 0.0, 1.0));
  return mix(s.colour, s.second, rust * 0.6) * (0.6 + 0.5 * wave);
}

vec3 diffuse_colour(Surface s, vec2 w, vec3 p, float blur) {
#if PATTERN == PATTERN_PLAIN
  return s.colour * (0.93 + 0.14 * noise3(p * 0.7));
#elif PATTERN == PATTERN_MOTTLED
  return mix(s.colour, s.second, smoothstep(0.3, 0.7, fractal3(p)));
#elif PATTERN == PATTERN_TILES
  return tiles(s, w, p, blur);
#elif PATTERN == PATTERN_BRICKS
  return bricks(s, w, p, blur);
#elif PATTERN == PATTERN_PLANKS
  return planks(s, w, blur);
#elif PATTERN == PATTERN_STRIPES
  return stripes(s, w, p, blur);
#elif PATTERN == PATTERN_DOTS
  return dots(s, w, blur);
#elif PATTERN == PATTERN_FACADE
  return facade(s, w, p, blur);
#elif PATTERN == PATTERN_POSTER
  return poster(s, w);
#elif PATTERN == PATTERN_FOLIAGE
  return foliage(s, p, blur);
#elif PATTERN == PATTERN_BOOKS
  return books(s, w);
#elif PATTERN == PATTERN_TEXTURED
  return textured(s);
#elif PATTERN == PATTERN_COBBLES
  return cobbles(s, w, blur);
#elif PATTERN == PATTERN_MARBLE
  return marble(s, p);
#elif PATTERN == PATTERN_PANELS
  return panels(s, w, p, blur);
#elif PATTERN == PATTERN_GRAIN
  return grain(s, p, blur);
#elif PATTERN == PATTERN_WEAVE
  return weave(s, w, p, blur);
#elif PATTERN == PATTERN_ROAD
  return road(s, p, blur);
#elif PATTERN == PATTERN_CORRUGATED
  return corrugated(s, w, p, blur);
#elif PATTERN == PATTERN_SCREEN
  return screen(s, w);
#else  // glass: a plain colour, its shine comes from gloss
  return s.colour;
#endif
}
