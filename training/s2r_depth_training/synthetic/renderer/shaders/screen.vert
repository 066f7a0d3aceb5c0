// One triangle over the whole picture.
#version 430
in vec2 corner;
void main() { gl_Position = vec4(corner, 0, 1); }
