"""What the node makes of a frame: points of the optical frame, by topic."""

from __future__ import annotations
import math
import numpy as np
from dataclasses import dataclass
from s2r_depth_ros.geometry import Intrinsics, back_project
from s2r_depth_ros.geometry.plane import Plane
from s2r_depth_ros.geometry.cleaning import *
from s2r_depth_ros.geometry.navigation import *
from s2r_depth_ros.geometry.scale import *
from simulated_drive.truth import intrinsics_of, in_world
from simulated_drive.frames import Frame

@dataclass(frozen=True)
class Setup:
    name: str
    depth: str = 'model'
    scale: str = ''
    filters: bool = False
    edge: bool = True
    conf: float = 0.4
    temporal: bool = True
    far: float = 3.5

class Node:
    def __init__(self, setup, frame, height):
        self.s=setup
        cam=self.cam=intrinsics_of(frame.camera)
        down=frame.camera.rotation.T@np.array([0,0,-1.])
        self.height=height
        self.down=tuple(down)
        self.plane=Plane(tuple(down),height)
        self.view=FloorView(cam,self.plane)
        self.bounds=ground_bounds(self.view,GroundSettings())
        self.edge=EdgeFilter(cam,EdgeSettings()); self.temp=TemporalFilter(TemporalSettings()); self.conf=ConfidenceFilter(INDOOR_CONFIDENCE,setup.conf)
        self.state=FilterState.initial()
    def clouds(self, frame, depth):
        s=self.s
        d=depth.copy()
        if s.scale:
            v=UnscaledView(d,self.cam)
            if s.scale=='camera_height': src=CameraHeight(self.height,frame.stamp,self.down)
            else:
                p=depth_image_points(np.where(np.isfinite(frame.depth),frame.depth,0),self.cam)
                w=in_world(p.astype(np.float32),frame.camera)
                p=p[np.abs(w[:,2]-.25)<.01]
                src=ReferencePoints(p[::2],frame.stamp)
            c=choose_scale([src.estimate(v)],frame.stamp,1.0)
            self.state=update(self.state,c.estimate,frame.stamp,FilterSettings())
            d=self.state.current.apply(d)
        out={}
        if s.filters:
            if s.edge: d=self.edge.apply(d)
            if s.temporal: self.temp.update(d,frame.rgb,frame.stamp)
            if s.conf: self.conf.apply(d)
            RangeLimits(0,s.far).apply(d)
            out['clearing']=clearing_points(d,self.cam,s.far)
        fin=np.where(np.isfinite(d),d,np.float32(np.nan))
        pts=back_project(fin,self.cam)
        out['points']=pts.reshape(-1,3)
        parts=split_ground(fin,self.bounds)
        out['obstacles']=pts[parts.obstacle>0]
        out['ground']=pts[parts.ground>0]
        self.d=d
        return out
