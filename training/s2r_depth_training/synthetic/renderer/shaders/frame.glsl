// What all surfaces of one view share; written by programs._frame_block in this order.
layout(std140, binding = 0) uniform Frame {
  mat4 clip_from_world;
  mat4 shadow_from_world;
  vec4 eye, forward;
  vec4 light_position[LIGHTS_MAX];   // w: 0 for the sun, 1 for a lamp
  vec4 light_direction[LIGHTS_MAX];  // w: cosine of the cone
  vec4 light_colour[LIGHTS_MAX];
  vec4 ambient_up, ambient_down;
  vec4 horizon;                      // what glossy surfaces mirror at grazing angles
  vec4 fog;                          // rgb, density per metre
  vec4 lighting;                     // number of lights, softness of the shadow, unused
};
